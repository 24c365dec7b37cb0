/** JSON that people write, read strictly. */
package org.nin4j.json;
