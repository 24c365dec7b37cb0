/** Data sets published as four IDX files: found, downloaded, checked, read, written. */
package org.nin4j.data.published;
