/** How a run goes, for TensorBoard. */
package org.nin4j.train.tensorboard;
