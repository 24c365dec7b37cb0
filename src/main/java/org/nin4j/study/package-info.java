/**
 * Studies: variants of a training side by side, several seeds of each, and a report of what came
 * out.
 */
package org.nin4j.study;
