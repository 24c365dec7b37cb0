/** Says whether the GPU can be used, and what would mend it. */
package org.nin4j.backend.cuda.natives.doctor;
