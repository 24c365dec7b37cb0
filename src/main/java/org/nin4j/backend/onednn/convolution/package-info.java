/**
 * How a convolution and its gradients are computed: by one primitive or by Winograd's tiles, in
 * bf16 or widened to fp32.
 */
package org.nin4j.backend.onednn.convolution;
