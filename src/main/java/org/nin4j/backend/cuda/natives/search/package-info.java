/** Where CUDA's libraries are, which of them go together, and what is wrong where none do. */
package org.nin4j.backend.cuda.natives.search;
