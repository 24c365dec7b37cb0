/** The definition of correct: plain loops in logical order, sums in double. Nobody tunes it. */
package org.nin4j.backend.reference;
