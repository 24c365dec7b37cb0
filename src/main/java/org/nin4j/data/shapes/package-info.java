/** Images drawn by the program: data to learn from where there is no other. */
package org.nin4j.data.shapes;
