package io.plumbline.conformance.junit;

import io.plumbline.emulator.object.ObjectException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolutionException;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives tests the programs that {@link BpfObject} names. */
public final class BpfObjectResolver implements ParameterResolver {
  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.isAnnotated(BpfObject.class)
        && parameter.getParameter().getType() == BpfProgram.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    BpfObject wanted = parameter.findAnnotation(BpfObject.class).orElseThrow();
    try {
      return BpfProgram.read(
          bytes(wanted.value(), context.getRequiredTestClass()), wanted.program());
    } catch (IOException | ObjectException | IllegalArgumentException e) {
      throw new ParameterResolutionException(
          "@BpfObject(\"%s\"): %s".formatted(wanted.value(), e.getMessage()), e);
    }
  }

  private static byte[] bytes(String name, Class<?> test) throws IOException {
    try (InputStream in = test.getResourceAsStream(name.startsWith("/") ? name : "/" + name)) {
      if (in != null) {
        return in.readAllBytes();
      }
    }
    Path file = Path.of(name);
    if (!Files.isRegularFile(file)) {
      throw new IOException("no such resource or file");
    }
    return Files.readAllBytes(file);
  }
}
