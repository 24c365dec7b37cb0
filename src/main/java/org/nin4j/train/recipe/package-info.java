/** Everything that decides how a training goes, and the recipes that come with the library. */
package org.nin4j.train.recipe;
