/** The GPU kit: what proves and measures the CUDA backend on a machine that has a GPU. */
package org.nin4j.kit;
