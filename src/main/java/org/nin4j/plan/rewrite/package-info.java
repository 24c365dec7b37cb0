/**
 * Rewrites of a plan that compute the same with fewer steps. Each asks whether somebody else reads
 * what it removes.
 */
package org.nin4j.plan.rewrite;
