package io.plumbline.loader.policy;

import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Prefix;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/** Asks the host's resolver for the addresses of a name. */
public final class SystemResolver implements PolicyBuilder.Resolver {
  @Override
  public List<Prefix> resolve(String name) {
    try {
      return Arrays.stream(InetAddress.getAllByName(name)).map(SystemResolver::prefix).toList();
    } catch (UnknownHostException e) {
      return List.of();
    }
  }

  private static Prefix prefix(InetAddress address) {
    ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
    return bytes.remaining() == 4
        ? Prefix.ipv4(bytes.getInt())
        : new Prefix(Family.IPV6, bytes.getLong(), bytes.getLong(), 128);
  }
}
