/**
 * The CPU backend: oneDNN for convolution, pooling and matrix products, Java loops for the rest.
 *
 * <p>Activations lie as (samples, height, width, channels): on the processors measured, oneDNN's
 * convolutions are as fast in that layout as in blocked ones, 1×1 convolutions and their gradients
 * are plain matrix products in it, and no step has to change the layout of another's result.
 */
package org.nin4j.backend.onednn;
