# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# OpenJDK's tests of files, channels, mapped buffers and processes, without jtreg: those that are a
# main program, or TestNG's; a part is a folder of them.
packages="openjdk-17-jdk-headless testng"
source="openjdk-17"
quick=""
limit=180
parts="java/io/RandomAccessFile java/io/FileInputStream java/io/FileOutputStream java/io/FileDescriptor
    java/io/readBytes java/io/InputStream java/nio/channels/FileChannel java/nio/channels/FileLock
    java/nio/channels/AsynchronousFileChannel java/nio/channels/Pipe java/nio/channels/Channels
    java/nio/MappedByteBuffer java/nio/file/Files java/util/zip/ZipFile java/lang/ProcessBuilder java/io/File"

jars=/usr/share/java/testng.jar:/usr/share/java/jcommander.jar:/usr/share/java/bsh.jar

prepare() {
    local part
    for part in $parts; do
        [ -d "tests/$part" ] || {
            mkdir -p "tests/$part"
            # What needs more than these does not compile, and is left out.
            javac -nowarn -proc:none -Xmaxerrs 5 -XDshould-stop.ifError=GENERATE -XDshould-stop.ifNoError=GENERATE \
                --add-exports java.base/jdk.internal.misc=ALL-UNNAMED -d "tests/$part" -cp "$jars" \
                -sourcepath "test/jdk/$part:test/jdk/$part/..:test/lib" "test/jdk/$part"/*.java || :
        }
    done
}

# run_java FILE OPTION... MAIN ARGUMENT...
run_java() {
    local file=$1 dir=$cache/$source/test/jdk/$part
    shift
    outcome "$part/$file" java -Xmx600m -XX:TieredStopAtLevel=1 -cp "$cache/$source/tests/$part:$jars" \
        -Dtest.src="$dir" -Dtest.classes="$cache/$source/tests/$part" -Dtest.class.path="$cache/$source/tests/$part" \
        -Dtest.jdk="$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")" -Dseed=1 \
        --add-opens java.base/java.io=ALL-UNNAMED --add-opens java.base/sun.nio.ch=ALL-UNNAMED \
        --add-opens java.base/jdk.internal.misc=ALL-UNNAMED --add-opens java.base/java.nio=ALL-UNNAMED "$@"
}

# The first line "@run" says how.
run_part() {
    local part=$1 file run
    for file in "$cache/$source/test/jdk/$1"/*.java; do
        grep -q '@test' "$file" || continue
        case $file in
        *Large* | *2GPlus* | *4G* | *MaxBuffer* | *BigFile* | */Size.java) continue ;;
        esac
        run=$(sed -nE 's/^.*@run ([a-z]+.*)$/\1/p' "$file" | head -1)
        file=$(basename "$file" .java)
        [ -e "$cache/$source/tests/$part/$file.class" ] || continue
        case ${run:-main $file} in
        testng*) run_java "$file" org.testng.TestNG -d "$work/ng" -usedefaultlisteners false -testclass "$file" ;;
        *policy* | *shell* | *manual* | *build* | *"native"*) ;;
        main*) set -- ${run:-main $file} && shift && run_java "$file" "$@" ;;
        esac
    done
}
