/** The command line: where it starts; the packages below have the commands, options and output. */
package org.nin4j.cli;
