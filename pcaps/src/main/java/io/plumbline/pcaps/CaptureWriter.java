package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;

/** Writes frames to a capture file, which appears when it is {@linkplain #commit committed}. */
public abstract class CaptureWriter implements AutoCloseable {
  private final OutputFile file;
  final OutputStream out;

  CaptureWriter(Path path) throws IOException {
    file = new OutputFile(path, OutputFile.Readers.OWNER);
    out = new BufferedOutputStream(file.stream(), 1 << 16);
  }

  /** Writes frame i of a batch. */
  public abstract void write(PacketBatch batch, int i) throws IOException;

  /** Completes the file and gives it its name. */
  public void commit() throws IOException {
    out.flush();
    file.commit();
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
