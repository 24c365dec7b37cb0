/**
 * The CPU backend: oneDNN for convolution, pooling and matrix multiplications, Java loops on all
 * threads for the rest.
 *
 * <p>Activations lie as (samples, height, width, channels). Measured on an AVX-512 processor, a
 * whole fp32 training step takes as long as in blocks of 16 channels; nothing is padded, so the
 * planner's sizes are the memory's; and sums over pixels are products with plain matrices.
 *
 * <p>From the bottom: {@code Dnnl} is the library, {@code Workers} the threads; an {@code
 * Operation} is one step of the plan with its primitives chosen, and a {@code Kernel} the same tied
 * to memory. {@code Convolutions} decides how a convolution is computed: by one primitive, by
 * {@code Winograd}'s tiles, in bf16 or widened to fp32.
 */
package org.nin4j.backend.onednn;
