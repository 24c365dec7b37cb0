/**
 * Plan: a network, an input and a purpose become a list of typed steps, rewritten by fusion, with
 * every tensor placed in one arena. Needs no device.
 */
package org.nin4j.plan;
