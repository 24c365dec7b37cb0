/** A plan bound to a GPU, and its runs. */
package org.nin4j.backend.cuda.session;
