package io.plumbline.pcaps;

/**
 * What a capture says of one interface.
 *
 * @param index its number within the section (0 for classic pcap)
 * @param name its name, or empty
 * @param snapLength as the file has it; 0 is no limit
 * @param options those of its pcapng description that a copy keeps, little-endian, without the end
 */
record CaptureInterface(int index, String name, int linkType, int snapLength, byte[] options) {
  /** Returns the number, and the name if there is one, for a message. */
  String describe() {
    return "interface " + index + (name.isEmpty() ? "" : " (" + name + ")");
  }
}
