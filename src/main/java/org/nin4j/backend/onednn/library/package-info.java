/**
 * oneDNN and memory as steps see them: primitives, buffers, threads, and what a step bound to them
 * is.
 */
package org.nin4j.backend.onednn.library;
