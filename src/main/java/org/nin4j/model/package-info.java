/**
 * Describe: a network is a value. Layers are immutable records; input channels and sizes are
 * inferred. No memory, no device, no numbers beyond the initial weights.
 */
package org.nin4j.model;
