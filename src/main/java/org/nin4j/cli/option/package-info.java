/** Groups of options that several commands share. */
package org.nin4j.cli.option;
