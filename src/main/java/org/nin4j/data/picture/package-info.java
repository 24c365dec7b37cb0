/** Picture files as the bytes that networks take. */
package org.nin4j.data.picture;
