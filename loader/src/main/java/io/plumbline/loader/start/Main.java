package io.plumbline.loader.start;

import io.plumbline.loader.cli.LoaderCommands;
import io.plumbline.loader.cni.TrafficoCni;
import io.plumbline.loader.traffico.Traffico;

/**
 * The main of the jar of production, which is the command that the launcher was called as. One jar,
 * because only a jar that is started as such may load native libraries without a warning of newer
 * JVMs, and the archive of classes is of one jar.
 */
public final class Main {
  private Main() {}

  /** Runs the command named by the property {@code plumb.argv0}. */
  public static void main(String[] args) {
    switch (System.getProperty("plumb.argv0", "plumb")) {
      case "traffico" -> Traffico.main(args);
      case "traffico-cni" -> TrafficoCni.main(args);
      default -> LoaderCommands.main(args);
    }
  }
}
