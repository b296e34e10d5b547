package io.plumbline.conformance;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The picture of ARCHITECTURE.md: who may use whom. */
@AnalyzeClasses(packages = "io.plumbline", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule THE_MODEL_USES_NOTHING =
      noClasses()
          .that()
          .resideInAPackage("io.plumbline.model..")
          .should()
          .dependOnClassesThat()
          .resideOutsideOfPackages("io.plumbline.model..", "java..", "org.jspecify..");

  @ArchTest
  static final ArchRule THE_MODEL_DOES_NO_IO =
      noClasses()
          .that()
          .resideInAPackage("io.plumbline.model..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("java.io..", "java.nio.file..", "java.nio.channels..", "java.net..");

  @ArchTest
  static final ArchRule PCAPS_KNOWS_NO_LOADER =
      noClasses()
          .that()
          .resideInAPackage("io.plumbline.pcaps..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.plumbline.loader..", "io.plumbline.conformance..");

  @ArchTest
  static final ArchRule THE_LOADER_KNOWS_NO_PCAPS =
      noClasses()
          .that()
          .resideInAPackage("io.plumbline.loader..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.plumbline.pcaps..", "io.plumbline.conformance..");

  @ArchTest
  static final ArchRule THE_EMULATOR_KNOWS_ONLY_THE_MODEL =
      noClasses()
          .that()
          .resideInAPackage("io.plumbline.emulator..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.plumbline.pcaps..", "io.plumbline.loader..", "io.plumbline.conformance..");

  @ArchTest
  static final ArchRule ENGINES_DO_NOT_READ_DECISION_LISTS =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.plumbline.loader.kernel..",
              "io.plumbline.loader.libbpf..",
              "io.plumbline.loader.netlink..",
              "io.plumbline.emulator..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.plumbline.model.decision..", "io.plumbline.model.filter..");

  @ArchTest
  static final ArchRule NO_CYCLES =
      slices().matching("io.plumbline.(**)").should().beFreeOfCycles();
}
