/**
 * What training, evaluation and profiling share: samples and their order, parameters to and from a
 * backend's session.
 */
package org.nin4j.train.session;
