/** What the epochs of a run brought. */
package org.nin4j.train.history;
