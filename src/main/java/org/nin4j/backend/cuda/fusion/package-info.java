/**
 * Where one kernel that computes several steps is used: tried, timed and checked against these
 * steps.
 */
package org.nin4j.backend.cuda.fusion;
