/** Files that are complete or not there, and their checksums. */
package org.nin4j.data.file;
