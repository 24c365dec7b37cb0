/**
 * What the backend knows of each kind of step: its memory, its work, and what may run beside the
 * rest.
 */
package org.nin4j.backend.cuda.step;
