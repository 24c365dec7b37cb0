/** cuBLAS and cuDNN's graph API, in the few calls that the backend needs. */
package org.nin4j.backend.cuda.library;
