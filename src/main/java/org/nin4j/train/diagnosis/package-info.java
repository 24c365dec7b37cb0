/** What ails a training: where its time goes, and which units are dead. */
package org.nin4j.train.diagnosis;
