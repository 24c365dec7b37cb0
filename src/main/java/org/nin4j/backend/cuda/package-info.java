/**
 * Runs plans on an NVIDIA GPU: cuDNN for convolutions, cuBLAS for matrix multiplications, the
 * project's own kernels for everything else, a whole run captured as one graph.
 *
 * <p>Images are stored channels last (samples, height, width, channels), convolution weights
 * (output channels, kernel height, kernel width, input channels); the change from and to logical
 * order happens where a session is read and written, never in a run.
 *
 * <p>From the bottom: {@code Check} turns statuses into exceptions; {@code Device} holds the GPU
 * and its streams; {@code KernelLibrary} compiles and launches kernels; {@code Convolution…}
 * chooses and calls cuDNN's algorithms; {@code Fused…} and {@code Fusion…} do so for kernels that
 * compute several steps; an {@code Operation} is all that is known about a step, {@code Operations}
 * finds it, {@code Assembly} takes its {@code Work}; {@code Branches} says which work goes beside
 * the rest; {@code CudaSession} runs it.
 */
package org.nin4j.backend.cuda;
