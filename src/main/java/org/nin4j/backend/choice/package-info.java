/** Choosing a device: knows every backend, so that they need not know each other. */
package org.nin4j.backend.choice;
