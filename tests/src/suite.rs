//! What every driver promises: one file a behaviour.

pub mod smoke;

/// Makes a test of every behaviour for one backend.
#[macro_export]
macro_rules! driver_suite {
    ($backend:ty) => {
        $crate::each_test! { $backend;
            smoke: the_main_path_works;
        }
    };
}

/// One `#[tokio::test]` a listed function, in a module a file.
#[macro_export]
macro_rules! each_test {
    ($backend:ty; $($module:ident: $($test:ident),+ $(,)?;)+) => { $(
        mod $module {
            $(
                #[tokio::test]
                async fn $test() -> orm_core::Result<()> {
                    $crate::suite::$module::$test::<$backend>().await
                }
            )+
        }
    )+ };
}
