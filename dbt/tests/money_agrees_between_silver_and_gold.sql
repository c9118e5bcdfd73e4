-- Every hop must carry the same money, to the cent, and the same number of orders.
-- Fails with one row for each hop that differs from silver's orders.
{{ config(tags=['marts']) }}

with silver as (

    select count(*) as orders, sum(amount) as money from {{ ref('stg_orders') }}

),

hops as (

    select 'fct_orders' as hop, count(*) as orders, sum(amount) as money
    from {{ ref('fct_orders') }}
    union all
    select 'fct_daily_revenue' as hop, sum(orders) as orders, sum(revenue) as money
    from {{ ref('fct_daily_revenue') }}
    union all
    select 'fct_customer_lifetime_value' as hop, sum(orders) as orders, sum(lifetime_value) as money
    from {{ ref('fct_customer_lifetime_value') }}
    union all
    select 'customer_metrics' as hop, sum(orders) as orders, sum(lifetime_value) as money
    from {{ ref('customer_metrics') }}

)

select
    hops.hop,
    hops.orders,
    silver.orders as silver_orders,
    hops.money,
    silver.money as silver_money
from hops
cross join silver
where hops.orders <> silver.orders or hops.money <> silver.money
