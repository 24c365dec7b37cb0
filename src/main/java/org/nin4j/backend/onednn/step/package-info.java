/** How oneDNN, or loops on all threads, compute each kind of step but convolutions. */
package org.nin4j.backend.onednn.step;
