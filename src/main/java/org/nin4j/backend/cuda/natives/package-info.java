/**
 * Brings JCuda to life on the CUDA that a machine has: finds the libraries, chooses the newest
 * complete set, points JCuda's natives at it, and says what is missing and how to mend it.
 *
 * <p>The way through: {@link org.nin4j.backend.cuda.natives.search.SearchPlaces} (where to look) →
 * {@link org.nin4j.backend.cuda.natives.search.CudaLibraries} (what is there) → {@link
 * org.nin4j.backend.cuda.natives.JCudaNatives} (load it); {@link
 * org.nin4j.backend.cuda.natives.doctor.Doctor} goes the same way and reports.
 */
package org.nin4j.backend.cuda.natives;
