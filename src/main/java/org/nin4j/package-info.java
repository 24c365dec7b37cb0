/** NiN4J: a compute engine for convolutional networks. Describe, plan, bind, run. */
package org.nin4j;
