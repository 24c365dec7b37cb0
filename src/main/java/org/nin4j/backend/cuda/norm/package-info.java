/** Batch norms as operation graphs of cuDNN: their description, their plans, their runs. */
package org.nin4j.backend.cuda.norm;
