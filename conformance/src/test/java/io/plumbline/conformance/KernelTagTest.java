package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.reflect.AnnotatedElement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.platform.commons.support.AnnotationSupport;

/** The build runs tests with the tag {@code kernel} one by one, and all others side by side. */
class KernelTagTest {
  private static boolean tagged(AnnotatedElement element) {
    return Stream.concat(
            AnnotationSupport.findRepeatableAnnotations(element, Tag.class).stream()
                .map(Tag::value),
            // Properties are run by jqwik, which has its own.
            AnnotationSupport.findRepeatableAnnotations(element, net.jqwik.api.Tag.class).stream()
                .map(net.jqwik.api.Tag::value))
        .anyMatch("kernel"::equals);
  }

  @Test
  void whatNeedsTheKernelOrANetworkHasTheTag() {
    JavaClasses tests =
        new ClassFileImporter()
            .withImportOption(new ImportOption.OnlyIncludeTests())
            .importPackages("io.plumbline.conformance");
    List<JavaMethodCall> calls = new ArrayList<>();
    for (Class<?> needed : List.of(KernelNeeded.class, OwnNetwork.class)) {
      tests.get(needed).getMethodCallsToSelf().stream()
          .filter(call -> Set.of("orSkip", "in").contains(call.getName()))
          .forEach(calls::add);
    }
    assertThat(calls).hasSizeGreaterThan(100);
    Set<String> untagged = new TreeSet<>();
    for (JavaMethodCall call : calls) {
      JavaCodeUnit caller = call.getOrigin();
      Class<?> owner = caller.getOwner().reflect();
      if (!tagged((AnnotatedElement) caller.reflect()) && !tagged(owner)) {
        untagged.add(caller.getFullName());
      }
    }
    assertThat(untagged).isEmpty();
  }
}
