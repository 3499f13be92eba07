import java.io.FileInputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.CRC32;

/** usage: Load HOW FILE: load it, print something that depends on all of it, stay a while. -HOW: load only. */
class Load {
    public static void main(String[] args) throws Exception {
        boolean only = args[0].startsWith("-");
        String how = only ? args[0].substring(1) : args[0];
        CRC32 crc = new CRC32();
        Object keep = null;
        if (how.equals("stream")) {
            try (FileInputStream in = new FileInputStream(args[1])) {
                byte[] data = in.readAllBytes();
                if (!only) crc.update(data);
                keep = data;
            }
        } else if (how.equals("channel")) {
            try (FileChannel channel = FileChannel.open(Path.of(args[1]))) {
                ByteBuffer data = ByteBuffer.allocateDirect((int) channel.size());
                while (data.hasRemaining() && channel.read(data) > 0) { }
                data.flip();
                if (!only) crc.update(data.duplicate());
                keep = data;
            }
        } else {
            pieces(args[1], only ? 10 : 400000, crc);
        }
        System.out.println(how + " " + crc.getValue());
        String stay = System.getenv("STAY");
        if (!only) Thread.sleep(stay == null ? 1000 : 1000 * Integer.parseInt(stay));
        if (keep != null && keep.hashCode() == 0) System.out.println();
    }

    private static void pieces(String path, int count, CRC32 crc) throws Exception {
        Random random = new Random(1);
        byte[] piece = new byte[512];
        try (RandomAccessFile file = new RandomAccessFile(path, "r")) {
            int range = (int) Math.min(file.length() - 512, 20_000_000);
            for (int i = 0; i < count; i++) {
                file.seek(random.nextInt(range));
                file.readFully(piece);
                crc.update(piece);
            }
        }
    }
}
