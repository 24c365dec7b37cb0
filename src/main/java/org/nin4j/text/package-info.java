/** Text for people and for files. */
package org.nin4j.text;
