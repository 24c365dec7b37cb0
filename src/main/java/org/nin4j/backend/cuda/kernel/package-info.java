/** The project's own kernels: read, compiled, kept, launched. */
package org.nin4j.backend.cuda.kernel;
