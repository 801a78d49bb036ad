//! Reading and writing at places of one file. It keeps no position and knows no format.

use std::fs::File;
use std::io;

/// An open file. Readers and the one writer share it.
#[derive(Debug)]
pub(super) struct Handle(File);

impl Handle {
    pub(super) fn new(file: File) -> Handle {
        Handle(file)
    }

    pub(super) fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// Takes back the rights to the file that others were given.
    pub(super) fn close_to_others(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mut permissions = self.0.metadata()?.permissions();
            if permissions.mode() & 0o077 != 0 {
                permissions.set_mode(0o600);
                self.0.set_permissions(permissions)?;
            }
        }
        Ok(())
    }

    pub(super) fn cut(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    /// Waits until everything written is on the device.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    /// Fills `out` from `offset`, waiting for the device if need be.
    #[cfg(unix)]
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, out, offset)
    }

    #[cfg(unix)]
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, offset)
    }

    #[cfg(windows)]
    pub(super) fn read(&self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        use std::os::windows::fs::FileExt as _;
        while !out.is_empty() {
            let read = self.0.seek_read(out, offset)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            out = &mut out[read..];
            offset += read as u64;
        }
        Ok(())
    }

    #[cfg(windows)]
    pub(super) fn write(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        use std::os::windows::fs::FileExt as _;
        while !bytes.is_empty() {
            let written = self.0.seek_write(bytes, offset)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
            offset += written as u64;
        }
        Ok(())
    }

    /// Fills `out` from `offset` if the kernel has all of it in memory: it never waits for the
    /// device, so that it may be called where other tasks run. False says nothing about the file.
    #[cfg(target_os = "linux")]
    pub(super) fn read_now(&self, offset: u64, out: &mut [u8]) -> bool {
        let wanted = out.len();
        let mut slices = [io::IoSliceMut::new(out)];
        let now = rustix::io::ReadWriteFlags::NOWAIT;
        matches!(rustix::io::preadv2(&self.0, &mut slices, offset, now), Ok(read) if read == wanted)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn read_now(&self, _offset: u64, _out: &mut [u8]) -> bool {
        false
    }
}
