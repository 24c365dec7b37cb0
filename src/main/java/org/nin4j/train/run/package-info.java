/** The folder of a run: configuration, checkpoints, history, curves. */
package org.nin4j.train.run;
