/**
 * Training: recipes, schedules, the trainer with its listeners, checkpoints, run folders, and
 * trained networks at work.
 */
package org.nin4j.train;
