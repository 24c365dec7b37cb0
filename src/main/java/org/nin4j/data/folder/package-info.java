/**
 * Data sets of people's own: a folder of pictures for each class, decoded once into a cache file,
 * and read or mapped from there.
 */
package org.nin4j.data.folder;
