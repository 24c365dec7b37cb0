/** Published networks, a file for each family. */
package org.nin4j.model.zoo;
