package org.nin4j.cli.option;

import org.nin4j.model.Initialisation;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.Precision;
import org.nin4j.train.recipe.Preprocessing;
import org.nin4j.train.recipe.RecipeJson;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** How values on a command line are read. */
public final class Converters {
  private Converters() {}

  /** Registers those that the options of a recipe need; after its subcommands were added. */
  public static CommandLine ofRecipes(CommandLine line) {
    return line.registerConverter(Float.class, NumberOptions::real)
        .registerConverter(Double.class, NumberOptions::precise)
        .registerConverter(Integer.class, NumberOptions::whole)
        .registerConverter(int.class, NumberOptions::whole)
        .registerConverter(Long.class, NumberOptions::seed)
        .registerConverter(Precision.class, constants(Precision.class))
        .registerConverter(Initialisation.class, constants(Initialisation.class))
        .registerConverter(Preprocessing.class, constants(Preprocessing.class))
        .registerConverter(NinVariant.Head.class, constants(NinVariant.Head.class));
  }

  /** Reads the constants of an enumeration by the names that people write. */
  public static <E extends Enum<E>> ITypeConverter<E> constants(Class<E> type) {
    return name -> {
      try {
        return RecipeJson.constant(type, name);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    };
  }
}
