; guest.asm: the guest of the lab, a 512-byte "operating system" with an ACPI power button.
; Serial (COM1): "LABEL READY", "LABEL PRESSED" at each press, "LABEL OFF" right before power-off.
; Sector 2 of its disk holds "DIRTY" from boot on and "CLEAN" once its shutdown is complete (written
; through INT 13h). guest.py assembles it (nasm -f bin) and patches these bytes at offset 0x1E0:
;   delay   byte: seconds between the accepted press and power-off
;   ignore  byte: how many presses to ignore first
;   flags   byte: bit 0 never react; bit 1 open the port of its agent (virtio-serial, port 1) and never answer there
;   label   up to 24 bytes, zero terminated
        bits 16
        org 0x7C00
start:  cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7C00
        mov [drive], dl
        ; ---- PM base: PIIX4 (0:1.3) reg 40h, else ICH9 (0:1f.0) reg 40h, else 600h
        mov eax, 0x80000B40
        call pcird
        cmp ax, 0xFFFF
        jne .base
        mov eax, 0x8000F840
        call pcird
.base:  and ax, 0xFFC0
        jnz .okb
        mov ax, 0x600
.okb:   mov [pm], ax
        ; ---- PM1_EN.PWRBTN_EN := 1, clear stale status
        mov dx, ax
        mov ax, 0x0100
        out dx, ax              ; PM1_STS: write 1 to clear
        inc dx
        inc dx
        out dx, ax              ; PM1_EN
        mov si, dirty
        call mark
        test byte [flags], 2
        jz .noag
        call agent
.noag:  mov si, ready
        call say
        ; ---- one clock that ticks 8 times a second: RTC, periodic; the PIT, which ticks twice as often as it interrupts, stops
        mov al, 0x30            ; channel 0, mode 0: once
        out 0x43, al
        out 0x40, al
        out 0x40, al
        mov ax, 0x2D0A          ; register A: 32768 Hz, divided to 8
        call rtc
        mov ax, 0x420B          ; register B: periodic interrupt, 24 hours
        call rtc
        sti
loop1:  hlt
        cmp byte [going], 0
        je .nt
        dec word [left]
        jz off
.nt:    mov dx, [pm]
        in ax, dx
        test ah, 1
        jz loop1
        mov ax, 0x0100
        out dx, ax
        mov si, pressd
        call say
        test byte [flags], 1
        jnz loop1
        cmp byte [ignore], 0
        je .go
        dec byte [ignore]
        jmp loop1
.go:    cmp byte [going], 0
        jne loop1
        inc byte [going]
        mov al, [delay]
        xor ah, ah
        shl ax, 3
        inc ax
        mov [left], ax
        jmp loop1
off:    mov si, clean
        call mark
        mov si, offm
        call say
        mov dx, [pm]
        add dx, 4
        mov ax, 0x2000          ; SLP_EN | SLP_TYP=0
        out dx, ax
.h:     hlt
        jmp .h

rtc:    out 0x70, al
        mov al, ah
        out 0x71, al
        ret

pcird:  mov dx, 0xCF8
        out dx, eax
        mov dx, 0xCFC
        in eax, dx
        ret

; write the text at SI into sector 2 of the boot disk
mark:   mov di, 0x7E00
        mov bx, di
        mov cx, 256
        xor ax, ax
        rep stosw
        mov di, bx
.c:     lodsb
        stosb
        test al, al
        jnz .c
        mov ax, 0x0301
        mov cx, 0x0002
        xor dh, dh
        mov dl, [drive]
        sti
        int 0x13
        ret

; open port 1 of the virtio-serial device (legacy virtio 0.9 through I/O ports): one message in its control queue
agent:  mov edi, 0x80000000
.slot:  add edi, 0x800          ; each slot of bus 0; there is one, or the guest hangs here
        mov eax, edi
        call pcird
        cmp eax, 0x10031AF4
        jne .slot
        lea eax, [edi+4]        ; command: I/O, memory, bus master
        call pcird
        or al, 7
        out dx, ax
        lea eax, [edi+0x10]     ; BAR 0
        call pcird
        and al, 0xFC
        xchg bx, ax
        mov di, 0x8000          ; the queue: 32 descriptors, ring of available ones at 0x8200, of used ones at 0x9000
        mov cx, 0x1000
        xor ax, ax
        rep stosw
        mov word [0x8000], open
        mov byte [0x8008], 8
        mov byte [0x8202], 1
        mov al, 3               ; acknowledge, driver
        lea dx, [bx+0x12]
        out dx, al
        mov eax, 2              ; feature: several ports, which is what gives it a control queue
        lea dx, [bx+4]
        out dx, eax
        mov al, 3               ; queue 3: control, from us
        lea dx, [bx+0x0E]
        out dx, ax
        mov al, 8               ; its page
        lea dx, [bx+8]
        out dx, eax
        mov al, 7               ; ready
        lea dx, [bx+0x12]
        out dx, al
        mov al, 3
        lea dx, [bx+0x10]
        out dx, ax
        ret

say:    push si
        mov si, label
        call puts
        mov al, ' '
        call putc
        pop si
        call puts
        mov si, crlf
puts:   lodsb
        test al, al
        jz putc.r
        call putc
        jmp puts
putc:   push ax
        mov dx, 0x3FD
        mov cx, 0xFFFF
.w:     in al, dx
        test al, 0x20
        loopz .w
        pop ax
        mov dx, 0x3F8
        out dx, al
.r:     ret

ready:  db 'READY',0
pressd: db 'PRESSED',0
offm:   db 'OFF',0
dirty:  db 'DIRTY',10,0
clean:  db 'CLEAN',10,0
crlf:   db 13,10,0
open:   dd 1                    ; port
        dw 6, 1                 ; VIRTIO_CONSOLE_PORT_OPEN, yes
pm:     dw 0
left:   dw 0
drive:  db 0
going:  db 0
        times 0x1E0-($-$$) db 0
delay:  db 2
ignore: db 0
flags:  db 0
label:  db 'guest',0
        times 510-($-$$) db 0
        dw 0xAA55
