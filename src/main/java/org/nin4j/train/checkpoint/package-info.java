/** The state of a run in one file. */
package org.nin4j.train.checkpoint;
