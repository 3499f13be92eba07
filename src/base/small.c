/*
 * Up to OC_SMALL_MAX bytes.  Pieces overlap where the length is odd, so there is no loop over
 * bytes; all of a round's loads come before its stores.
 *
 * The one text makes three functions, which differ in how they begin and end.
 */
#include "base/small.h"

#if OC_HAVE_SMALL

#include <cpuid.h>

/* Optimisation of the whole program at linking does not see that the text below uses it. */
__attribute__((used)) _Atomic unsigned char oc_small_wide;

/* What the kernel saves when it switches threads: SSE and AVX; the three parts of AVX-512. */
enum { SAVED_AVX = 0x06, SAVED_AVX512 = 0xe0 };

/* Of leaf 7, part 1; cpuid.h has had it for a few years only. */
enum { AVX_VNNI = 1 << 4 };

/* As libc's memcpy: Intel's processors lower their frequency for a while where such registers are
 * used at all, up to those that have AVX-VNNI. */
static bool slows_down(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_INTEL_ebx)
        return false;
    return !__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & AVX_VNNI);
}

/* By the processor and by the kernel, which must save the registers. */
static enum oc_small_wide how_wide(void)
{
    unsigned a, b, c, d, saved, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
        return OC_SMALL_16;
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if ((saved & SAVED_AVX) != SAVED_AVX)
        return OC_SMALL_16;
    if ((saved & SAVED_AVX512) != SAVED_AVX512 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        !(b & bit_AVX512F) || !(b & bit_AVX512VL) || slows_down())
        return OC_SMALL_32;
    return OC_SMALL_64;
}

void oc_small_look(void)
{
    atomic_store_explicit(&oc_small_wide, how_wide(), memory_order_relaxed);
}

/* rdi to, rsi from, rdx how many */
#define COPY(done)                                                                                 \
    "    cmp $32, %rdx\n"                                                                          \
    "    ja 1f\n"                                                                                  \
    "    cmp $16, %edx\n"                                                                          \
    "    jb 3f\n" /* 16 to 32 */                                                                   \
    "    movups (%rsi), %xmm0\n"                                                                   \
    "    movups -16(%rsi,%rdx), %xmm1\n"                                                           \
    "    movups %xmm0, (%rdi)\n"                                                                   \
    "    movups %xmm1, -16(%rdi,%rdx)\n" done "1:  cmp $64, %rdx\n"                                \
    "    ja 2f\n" /* 33 to 64 */                                                                   \
    "    movups (%rsi), %xmm0\n"                                                                   \
    "    movups 16(%rsi), %xmm1\n"                                                                 \
    "    movups -32(%rsi,%rdx), %xmm2\n"                                                           \
    "    movups -16(%rsi,%rdx), %xmm3\n"                                                           \
    "    movups %xmm0, (%rdi)\n"                                                                   \
    "    movups %xmm1, 16(%rdi)\n"                                                                 \
    "    movups %xmm2, -32(%rdi,%rdx)\n"                                                           \
    "    movups %xmm3, -16(%rdi,%rdx)\n" done "2:  cmp $256, %rdx\n"                               \
    "    jbe 10f\n"                                                                                \
    "    cmpb $1, oc_small_wide(%rip)\n"                                                           \
    "    je 11f\n"                                                                                 \
    "    jb 10f\n"                                                                                 \
    "    cmp $320, %rdx\n" /* where both ends of 64 and a round of 256 fit */                      \
    "    jae 13f\n"                                                                                \
    "    jmp 11f\n" /* rax bytes in rounds of 64, then 64 */                                       \
    "10: lea -64(%rdx), %rax\n"                                                                    \
    "    xor %ecx, %ecx\n"                                                                         \
    "4:  movups (%rsi,%rcx), %xmm0\n"                                                              \
    "    movups 16(%rsi,%rcx), %xmm1\n"                                                            \
    "    movups 32(%rsi,%rcx), %xmm2\n"                                                            \
    "    movups 48(%rsi,%rcx), %xmm3\n"                                                            \
    "    movups %xmm0, (%rdi,%rcx)\n"                                                              \
    "    movups %xmm1, 16(%rdi,%rcx)\n"                                                            \
    "    movups %xmm2, 32(%rdi,%rcx)\n"                                                            \
    "    movups %xmm3, 48(%rdi,%rcx)\n"                                                            \
    "    add $64, %rcx\n"                                                                          \
    "    cmp %rax, %rcx\n"                                                                         \
    "    jb 4b\n"                                                                                  \
    "    movups (%rsi,%rax), %xmm0\n"                                                              \
    "    movups 16(%rsi,%rax), %xmm1\n"                                                            \
    "    movups 32(%rsi,%rax), %xmm2\n"                                                            \
    "    movups 48(%rsi,%rax), %xmm3\n"                                                            \
    "    movups %xmm0, (%rdi,%rax)\n"                                                              \
    "    movups %xmm1, 16(%rdi,%rax)\n"                                                            \
    "    movups %xmm2, 32(%rdi,%rax)\n"                                                            \
    "    movups %xmm3, 48(%rdi,%rax)\n" done /* 32 to where stores are aligned, rounds of 128      \
                                                beyond them, the last 128 */                       \
    "11: vmovdqu (%rsi), %ymm0\n"                                                                  \
    "    lea -128(%rdx), %rax\n"                                                                   \
    "    vmovdqu %ymm0, (%rdi)\n"                                                                  \
    "    mov %edi, %ecx\n"                                                                         \
    "    and $31, %ecx\n"                                                                          \
    "    xor $31, %ecx\n"                                                                          \
    "    inc %ecx\n"                                                                               \
    "12: vmovdqu (%rsi,%rcx), %ymm0\n"                                                             \
    "    vmovdqu 32(%rsi,%rcx), %ymm1\n"                                                           \
    "    vmovdqu 64(%rsi,%rcx), %ymm2\n"                                                           \
    "    vmovdqu 96(%rsi,%rcx), %ymm3\n"                                                           \
    "    vmovdqa %ymm0, (%rdi,%rcx)\n"                                                             \
    "    vmovdqa %ymm1, 32(%rdi,%rcx)\n"                                                           \
    "    vmovdqa %ymm2, 64(%rdi,%rcx)\n"                                                           \
    "    vmovdqa %ymm3, 96(%rdi,%rcx)\n"                                                           \
    "    sub $-128, %rcx\n"                                                                        \
    "    cmp %rax, %rcx\n"                                                                         \
    "    jb 12b\n"                                                                                 \
    "    vmovdqu (%rsi,%rax), %ymm0\n"                                                             \
    "    vmovdqu 32(%rsi,%rax), %ymm1\n"                                                           \
    "    vmovdqu 64(%rsi,%rax), %ymm2\n"                                                           \
    "    vmovdqu 96(%rsi,%rax), %ymm3\n"                                                           \
    "    vmovdqu %ymm0, (%rdi,%rax)\n"                                                             \
    "    vmovdqu %ymm1, 32(%rdi,%rax)\n"                                                           \
    "    vmovdqu %ymm2, 64(%rdi,%rax)\n"                                                           \
    "    vmovdqu %ymm3, 96(%rdi,%rax)\n"                                                           \
    "    vzeroupper\n" done /* the same by 64 and 256 */                                           \
    "13: vmovdqu64 (%rsi), %zmm0\n"                                                                \
    "    lea -256(%rdx), %rax\n"                                                                   \
    "    vmovdqu64 %zmm0, (%rdi)\n"                                                                \
    "    mov %edi, %ecx\n"                                                                         \
    "    and $63, %ecx\n"                                                                          \
    "    xor $63, %ecx\n"                                                                          \
    "    inc %ecx\n"                                                                               \
    "14: vmovdqu64 (%rsi,%rcx), %zmm0\n"                                                           \
    "    vmovdqu64 64(%rsi,%rcx), %zmm1\n"                                                         \
    "    vmovdqu64 128(%rsi,%rcx), %zmm2\n"                                                        \
    "    vmovdqu64 192(%rsi,%rcx), %zmm3\n"                                                        \
    "    vmovdqa64 %zmm0, (%rdi,%rcx)\n"                                                           \
    "    vmovdqa64 %zmm1, 64(%rdi,%rcx)\n"                                                         \
    "    vmovdqa64 %zmm2, 128(%rdi,%rcx)\n"                                                        \
    "    vmovdqa64 %zmm3, 192(%rdi,%rcx)\n"                                                        \
    "    add $256, %rcx\n"                                                                         \
    "    cmp %rax, %rcx\n"                                                                         \
    "    jb 14b\n"                                                                                 \
    "    vmovdqu64 (%rsi,%rax), %zmm0\n"                                                           \
    "    vmovdqu64 64(%rsi,%rax), %zmm1\n"                                                         \
    "    vmovdqu64 128(%rsi,%rax), %zmm2\n"                                                        \
    "    vmovdqu64 192(%rsi,%rax), %zmm3\n"                                                        \
    "    vmovdqu64 %zmm0, (%rdi,%rax)\n"                                                           \
    "    vmovdqu64 %zmm1, 64(%rdi,%rax)\n"                                                         \
    "    vmovdqu64 %zmm2, 128(%rdi,%rax)\n"                                                        \
    "    vmovdqu64 %zmm3, 192(%rdi,%rax)\n"                                                        \
    "    vzeroupper\n" done "3:  cmp $8, %edx\n"                                                   \
    "    jb 5f\n" /* 8 to 15 */                                                                    \
    "    mov (%rsi), %rax\n"                                                                       \
    "    mov -8(%rsi,%rdx), %rcx\n"                                                                \
    "    mov %rax, (%rdi)\n"                                                                       \
    "    mov %rcx, -8(%rdi,%rdx)\n" done "5:  cmp $4, %edx\n"                                      \
    "    jb 6f\n" /* 4 to 7 */                                                                     \
    "    mov (%rsi), %eax\n"                                                                       \
    "    mov -4(%rsi,%rdx), %ecx\n"                                                                \
    "    mov %eax, (%rdi)\n"                                                                       \
    "    mov %ecx, -4(%rdi,%rdx)\n" done /* 1 to 3: first and last, and the middle of three */     \
    "6:  movzbl (%rsi), %eax\n"                                                                    \
    "    movzbl -1(%rsi,%rdx), %ecx\n"                                                             \
    "    movb %al, (%rdi)\n"                                                                       \
    "    movb %cl, -1(%rdi,%rdx)\n"                                                                \
    "    cmp $3, %edx\n"                                                                           \
    "    jne 7f\n"                                                                                 \
    "    movzbl 1(%rsi), %eax\n"                                                                   \
    "    movb %al, 1(%rdi)\n"                                                                      \
    "7:\n" done

#define DONE                                                                                       \
    "    mov $1, %eax\n"                                                                           \
    "    ret\n"

/* The answer is the zero flag: is there anything in the last byte and the seven that follow?
 * (One look, without a branch for the last byte alone: in tables of integers that is a zero at
 * random.) */
#define DONE_ENDING "    cmpq $0, -1(%rsi,%rdx)\n    ret\n"

/* The page that follows the last byte's; the answer is that this can be read. */
#define LOOK_BEYOND                                                                                \
    "    lea -1(%rsi,%rdx), %rax\n"                                                                \
    "    or $4095, %rax\n"                                                                         \
    "    movzbl 1(%rax), %ecx\n"

#define DONE_BACKED                                                                                \
    LOOK_BEYOND                                                                                    \
    "    test %rsp, %rsp\n"                                                                        \
    "    ret\n"

__asm__(".text\n"
        ".p2align 6\n"
        ".hidden oc_small_copy_ending\n"
        ".globl oc_small_copy_ending\n"
        ".type oc_small_copy_ending, @function\n"
        "oc_small_copy_ending:\n"
        "    .cfi_startproc\n"
        "    cmpq $0, -1(%rsi,%rdx)\n"
        "    je 8f\n" COPY(
            DONE_ENDING) "8:  ret\n"
                         "    .cfi_endproc\n"
                         ".size oc_small_copy_ending, .-oc_small_copy_ending\n"
                         ".p2align 6\n"
                         ".hidden oc_small_copy_backed\n"
                         ".globl oc_small_copy_backed\n"
                         ".type oc_small_copy_backed, @function\n"
                         "oc_small_copy_backed:\n"
                         "    .cfi_startproc\n" LOOK_BEYOND COPY(
                             DONE_BACKED) "    .cfi_endproc\n"
                                          ".size oc_small_copy_backed, .-oc_small_copy_backed\n"
                                          ".p2align 5\n"
                                          ".hidden oc_small_copy\n"
                                          ".globl oc_small_copy\n"
                                          ".type oc_small_copy, @function\n"
                                          "oc_small_copy:\n"
                                          "    .cfi_startproc\n" COPY(DONE)
        /* False, in the ways of both. */
        ".hidden oc_small_failed\n"
        ".globl oc_small_failed\n"
        "oc_small_failed:\n"
        "    xor %eax, %eax\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".hidden oc_small_end\n"
        ".globl oc_small_end\n"
        "oc_small_end:\n"
        ".size oc_small_copy, .-oc_small_copy\n");

#endif
