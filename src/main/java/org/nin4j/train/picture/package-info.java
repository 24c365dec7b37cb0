/** Pictures of what a network sees and of what it takes for what. */
package org.nin4j.train.picture;
